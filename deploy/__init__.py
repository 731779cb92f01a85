"""What production needs beside the pipeline: Airflow's set-up, start scripts, alerts, a dashboard.

Nothing here imports `local`, which is for one machine without Docker; `local` may import this.
"""
