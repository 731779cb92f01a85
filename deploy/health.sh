#!/usr/bin/env bash
# A health check of docker-compose.yml that takes milliseconds of a processor, where starting Python
# and Airflow takes seconds:
#
#   health.sh tcp PORT        whether a program listens on the port
#   health.sh http PORT PATH  whether GET answers with 200; the first request makes an API server load its modules
#   health.sh worker          whether Celery's worker is connected to its broker: while it is, it touches
#                             a file every two seconds (closebook.orchestration.celery_settings)
set -euo pipefail

case $1 in
    tcp)
        : < "/dev/tcp/127.0.0.1/$2"
        ;;
    http)
        exec 3<> "/dev/tcp/127.0.0.1/$2"
        printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$3" >&3
        read -r -t 25 _ status _ <&3
        [ "$status" = 200 ]
        ;;
    worker)
        [ -n "$(find "$AIRFLOW_HOME/worker.heartbeat" -newermt '-60 seconds')" ]
        ;;
esac
