"""What the product promises: one class a noun, access rules, transactions."""
