"""What the inference process makes for the panel and the bridge: tasks, the jobs that wait for it, and what they need.

`performing` has the tasks by name. All but `jobs` and `locks` need the model, and run in that process.
"""
