"""``make cluster-test``: instances on a cluster of three nodes, which CLUSTER_URLS names.

It may be a Galera cluster, or one of MySQL Group Replication with one primary or with several; each
kind has its tests. The last test kills a node, if it runs on this machine: start it again
afterwards.
"""
