"""The steps by which the tables of the history came to be; run by `history --migrate` through alembic.

    env.py      alembic's entry: the connection of the caller
    versions/   the steps, one file each

Never here: a step that was released and is edited afterwards.
"""
