"""Where settings come from: command line, environment, configuration file.

Imported by who starts a server, and not by its children: it takes memory.
"""

from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from studiolo.core.settings import PREFIX, Settings


class Sources(Settings, BaseSettings):  # pyright: ignore[reportIncompatibleVariableOverride] - both say their config
    """The settings with their sources: arguments, environment, file; the first that names a field wins."""

    # lists are written with commas, as the settings' validators take them
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, enable_decoding=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, file."""
        config = cls.model_config.get("toml_file")
        file = (TomlConfigSettingsSource(settings_cls, config),) if config else ()
        return (init_settings, env_settings, *file)


def load_settings(config: Path | None = None, **given: Any) -> Settings:
    """Build the settings from the command line's `given` (None: not given), the environment and `config`.

    Raises pydantic's ValidationError, and FileNotFoundError for a `config` that is not there.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if config is None:
        return Sources(**given)
    if not config.is_file():
        raise FileNotFoundError(f"no configuration file {config}")

    class FileSources(Sources):
        model_config = SettingsConfigDict(toml_file=config)

    return FileSources(**given)
