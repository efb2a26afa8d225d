"""What delivers a job to a worker on another machine."""
