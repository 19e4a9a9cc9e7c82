"""What a bundle says of itself: `manifest.json`, read, checked against the folder, and written.

{"format": 1, "name", "licence", "spec": AvatarSpec,
 "components": {name: {"file", "precision", "sha256", "ranges": {"file", "sha256"} (optional)}},
 "motion_basis": {"file", "sha256"} (optional), "portraits": {name: {"file", "title", "licence"}},
 "default_portrait": name, "made_by": {...}}
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

from contract.errors import BundleError
from contract.spec import OPTIONAL_COMPONENTS, REQUIRED_COMPONENTS, AvatarSpec, ComponentName

FORMAT = 1
FILE_NAME = "manifest.json"
PRECISIONS = ("float32", "bfloat16", "int8")
_PORTRAIT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of numbers beside the networks; sha256 as a component's."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Component:
    """One exported network.

    file: path inside the bundle
    precision: the lowest that it tolerates: "float32", "bfloat16" or "int8", which is that of its products alone
    sha256: of the file, hexadecimal
    ranges: of what its convolutions are given, where they tolerate 8 bits (engines/activation_ranges.py)
    """

    file: str
    precision: str
    sha256: str
    ranges: BundledFile | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they stand in the file."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class BundledPortrait:
    """A picture that comes with the bundle, cut out and sized for its networks."""

    file: str
    title: str
    licence: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole avatar model. `made_by` records how it was made, for people; `motion_basis` is absent in older ones."""

    name: str
    licence: str
    spec: AvatarSpec
    components: Mapping[ComponentName, Component]
    portraits: Mapping[str, BundledPortrait]
    default_portrait: str
    made_by: Mapping[str, Any] = field(default_factory=dict)
    motion_basis: BundledFile | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they stand in the file."""
        return {
            "format": FORMAT,
            "name": self.name,
            "licence": self.licence,
            "spec": self.spec.to_json(),
            "components": {name: component.to_json() for name, component in self.components.items()},
            **({} if self.motion_basis is None else {"motion_basis": asdict(self.motion_basis)}),
            "portraits": {name: asdict(portrait) for name, portrait in self.portraits.items()},
            "default_portrait": self.default_portrait,
            "made_by": dict(self.made_by),
        }


def read_manifest(bundle: Path, verify_sums: bool = True) -> Manifest:
    """Read a bundle's manifest and check it against the folder.

    verify_sums: also compare each component's content with its SHA-256
    Raises BundleError naming the first thing that is missing, damaged or not understood.
    """
    path = bundle / FILE_NAME
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{bundle} is no bundle: it has no {FILE_NAME}") from None
    except OSError as error:
        raise BundleError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} is not JSON: {error}") from error
    manifest = _from_json(values, path)
    for component in manifest.components.values():
        for file in (component, component.ranges):
            if file is not None:
                _check_file(bundle, file.file, file.sha256 if verify_sums else None)
    if manifest.motion_basis is not None:
        _check_file(bundle, manifest.motion_basis.file, manifest.motion_basis.sha256 if verify_sums else None)
    for portrait in manifest.portraits.values():
        _check_file(bundle, portrait.file, None)
    return manifest


def write_manifest(bundle: Path, manifest: Manifest) -> None:
    """Write a bundle's manifest and read it back, so that what is written is what can be opened; raises BundleError."""
    text = json.dumps(manifest.to_json(), indent=2, ensure_ascii=False)
    (bundle / FILE_NAME).write_text(text + "\n", "utf-8")
    read_manifest(bundle)


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_json(values: Any, path: Path) -> Manifest:
    if not isinstance(values, dict):
        raise BundleError(f"{path} holds {type(values).__name__}, expected an object")
    if values.get("format") != FORMAT:
        raise BundleError(f"{path} has format {values.get('format')!r}, expected {FORMAT}")
    known = (*REQUIRED_COMPONENTS, *OPTIONAL_COMPONENTS)
    components = _table(values, "components", path)
    if missing := [name for name in REQUIRED_COMPONENTS if name not in components]:
        raise BundleError(f"{path} lacks the components {missing}, expected {list(REQUIRED_COMPONENTS)}")
    if unknown := sorted(components.keys() - set(known)):
        raise BundleError(f"{path} has unknown components {unknown}, expected {list(known)}")
    portraits = _table(values, "portraits", path)
    default = _text(values, "default_portrait", path)
    if default not in portraits:
        raise BundleError(f"{path}: default_portrait {default!r}, expected one of {sorted(portraits)}")
    return Manifest(
        name=_text(values, "name", path),
        licence=_text(values, "licence", path),
        spec=AvatarSpec.from_json(values.get("spec")),
        components={
            cast(ComponentName, name): _component(entry, f"{path}: component {name}")
            for name, entry in components.items()
        },
        portraits={name: _portrait(name, entry, f"{path}: portrait {name!r}") for name, entry in portraits.items()},
        default_portrait=default,
        made_by=_table(values, "made_by", path) if "made_by" in values else {},
        motion_basis=_bundled_file(values.get("motion_basis"), f"{path}: motion_basis"),
    )


def _component(entry: Any, where: str) -> Component:
    entry = _entry(entry, where)
    file, precision, sha256 = (_text(entry, name, where) for name in ("file", "precision", "sha256"))
    component = Component(file, precision, sha256, _bundled_file(entry.get("ranges"), f"{where}: ranges"))
    if component.precision not in PRECISIONS:
        raise BundleError(f"{where}: precision {component.precision!r}, expected one of {', '.join(PRECISIONS)}")
    _check_sha256(component.sha256, where)
    return component


def _bundled_file(entry: Any, where: str) -> BundledFile | None:
    if entry is None:
        return None
    entry = _entry(entry, where)
    found = BundledFile(*(_text(entry, name, where) for name in ("file", "sha256")))
    _check_sha256(found.sha256, where)
    return found


def _check_sha256(sha256: str, where: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise BundleError(f"{where}: sha256 {sha256!r}, expected 64 hexadecimal digits")


def _portrait(name: str, entry: Any, where: str) -> BundledPortrait:
    if not _PORTRAIT_NAME.fullmatch(name):
        raise BundleError(f"{where}: expected a name of small letters, digits, - and _")
    entry = _entry(entry, where)
    return BundledPortrait(*(_text(entry, name, where) for name in ("file", "title", "licence")))


def _entry(entry: Any, where: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise BundleError(f"{where} is {type(entry).__name__}, expected an object")
    return entry


def _table(values: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    return _entry(values.get(name), f"{path}: {name}")


def _text(values: dict[str, Any], name: str, where: object) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise BundleError(f"{where}: {name} is {value!r}, expected a text")
    return value


def _check_file(bundle: Path, name: str, sha256: str | None) -> None:
    relative = PurePosixPath(name)
    # A bundle may come from anywhere; it names files of its own folder and no others.
    if relative.is_absolute() or ".." in relative.parts:
        raise BundleError(f"{bundle} names the file {name!r}, expected a path inside the bundle")
    path = bundle / relative
    if not path.is_file():
        raise BundleError(f"{bundle} lacks the file {name}, which its manifest names")
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise BundleError(f"{path} is damaged: its SHA-256 is {found}, expected {sha256}")
