"""The Python client of Studiolo: `Client`, and `AsyncClient` for asyncio; both need only httpx.

with Client("https://studiolo.example.edu", "sk-...") as studiolo:
    project = studiolo.projects.create(title="Homework")
    studiolo.files.write_text_file_to_project(project_id=project.project_id, path="a.md", content="# Hello")
"""

from studiolo.client.asynchronous import AsyncClient
from studiolo.client.errors import StudioloError
from studiolo.client.paging import async_pages, pages
from studiolo.client.retrying import RetryPolicy
from studiolo.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "RetryPolicy", "StudioloError", "async_pages", "pages"]
