"""The one Airflow plugin of Closebook."""

from airflow.plugins_manager import AirflowPlugin


class ClosebookPlugin(AirflowPlugin):
    """Tells Airflow that the closebook package is here; its pages come with the desk."""

    name = "closebook"
