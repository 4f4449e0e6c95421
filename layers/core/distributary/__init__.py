"""Hands the log files in a central S3 bucket to the AWS accounts they belong to.

The modules without I/O (`keys`, `events`, `subscriptions`, `subscription_forms`, `routing`, `policies`, `outcomes`)
decide; the ones at the edge (`subscription_table`, `credentials`, `copies`, `delivery`, `batches`) carry out. Functions
and command line import from here; nothing here knows them.
"""
