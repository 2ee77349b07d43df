"""Run revisions on the connection that `storage/schema.py` hands over, inside its transaction."""

from alembic import context

from studiolo.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # true of both databases, since our connections begin transactions themselves
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
