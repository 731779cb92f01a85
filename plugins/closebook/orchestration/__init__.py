"""What the DAG files share with Airflow: the task's context, its form, its retries."""
