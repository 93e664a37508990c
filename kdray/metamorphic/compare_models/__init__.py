"""How deeply students mimic their teachers, from paths of models to MetaCompress's table: `kdray metamorphic`.

    pairs         opens models and data, and finds what fits to what
    classifiers   two classifiers on variants of the same inputs, and under attack
    generators    two models that write, on a suite of the teacher's
    plan          how much is looked at
    result        one row of the table as data

Not here: how the table is shown (`kdray.report.models`); the relations themselves (`kdray.metamorphic.relations`).
"""
