"""What Closebook asks the platform's servers: the fence, and reads of replicas."""
