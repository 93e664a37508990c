"""What a model answers and how good that is: decoding, metrics, intervals, baselines, speed.

    answering            what differs between models that write and models that classify
    generate, decoding   greedy answers of many prompts at once
    classify             class probabilities
    metrics, lenient     whether what was said is right
    shares, intervals    how sure a share or a mean is
    baselines            what needs no learning
    speed                milliseconds and memory of one answer
    examine              a model beside the baselines

Not here: whether a student behaves like its teacher (`kdray.metamorphic`); a trial's rungs (`kdray.train`).
"""
