"""The Python calls behind the commands: each joins data, model and results, and does nothing that another could.

auditing        audit
evaluation      evaluate, evaluate_models, models
adaptive        find_thresholds
probing         probe
diagnosing      diagnose
training        train_head
reports         report, paper_report
demonstration   demo

All can be had from `fourfold` itself. The calls behind the commands about datasets alone (`generate`, `verify`, ...)
are the generator's own.
"""
