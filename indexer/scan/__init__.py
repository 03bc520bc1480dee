"""A scan: plan what is to do, analyse it in worker processes, and commit it in batches."""
