"""The search: a space, a study, a scheduler, and what runs trials. The only package besides `launch` that
knows Ray and Optuna.
"""
