"""What boto3 does for deliveries: all that is rare, and everything where `DISTRIBUTARY_ENGINE` says so."""
