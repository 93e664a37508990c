"""A student on its way to whoever uses it: chosen, measured once more, written as a folder, tried.

    choose        which trial is meant
    bench         what is measured of it, on the files that are handed over
    provenance    where it comes from: sweep, training, signal, data
    card          the model card and its statement of what was lost; `usage` says how to use the student
    export        the folder; `onnx`, `int8` more forms of it
    predict       assertions for a test; `placeholder` reads the test

Not here: training (`kdray.train`), fronts and tables of sweeps (`kdray.report`).
"""
