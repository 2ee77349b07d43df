"""The only SQL in the product: tables, migrations, and plain functions per noun."""
