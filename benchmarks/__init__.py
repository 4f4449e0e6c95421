"""The benchmark: the real functions against a fake AWS of constant latency, beside other ways to do the same."""
