"""What runs inside the hosts: database, pooler, app and delay roles. May not know the rig."""
