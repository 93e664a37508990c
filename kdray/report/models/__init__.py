"""How deeply students mimic their teachers, shown: MetaCompress's table as JSON, Markdown, text and one HTML page.

    tables   headlines, cells and tables, the same in every form
    text     Markdown, and a table for a terminal
    page     one HTML file without a script
    files    all of them in a folder, with the plain data

Not here: how it is found out (`kdray.metamorphic.compare_models`); the trials of a sweep (`kdray.report`).
"""
