"""What the benchmarks are made of: a server, a proxy, measuring, results."""
