"""An exported folder on the Hugging Face Hub, or on a server that speaks its language (`HF_ENDPOINT`).

A new repository is private until its owner says otherwise; one that is there stays as it is. The token is
huggingface_hub's own (`HF_TOKEN`, or `hf auth login`); kdray neither asks for one nor keeps it.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from kdray.config.passwords import without_password
from kdray.errors import ConfigError, StorageError, first_line
from kdray.handover.card_metadata import HUB_NAME

_SECRETS = r"hf_\w+"


def check_name(name: str) -> None:
    """Raises `ConfigError` for what names no repository."""
    if not HUB_NAME.fullmatch(name):
        raise ConfigError(f"--push {name}: a repository is named user/name")


def push(folder: Path, name: str) -> str:
    """Uploads a folder's files as one commit; the repository's address.

    Raises:
        StorageError: the server does not take it; the folder stays, to be pushed again.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    api = HfApi(library_name="kdray")
    try:
        address = api.create_repo(name, private=True, exist_ok=True)
        api.upload_folder(
            folder_path=folder, repo_id=name, commit_message="A distilled student, and what it lost"
        )
    except Exception as error:  # of the library, of its client, of the connection: the folder is whole
        tokens = _SECRETS, *(re.escape(one) for one in (api.token, get_token()) if isinstance(one, str))
        secret = re.compile("|".join(filter(None, tokens)))
        said = without_password(secret.sub("...", first_line(error)))
        whole = "".join(traceback.format_exception(error))
        raise StorageError(f"--push {name}: {said}; {folder} is written, and can be uploaded again") from (
            None if secret.search(whole) else error
        )  # -v shows what it came out of
    return str(address)
