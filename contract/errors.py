"""The one tree of errors that leave this project.

    FloatAvatarError
    ├── ConfigError                 a setting has no meaning
    ├── BundleError                 a bundle, checkpoint or component is missing, damaged or does not fit
    ├── EngineError
    │   ├── EngineNotFoundError     no such backend, or its library is not installed
    │   ├── EngineBuildError        the artifact could not be compiled
    │   ├── SignatureMismatchError  the artifact's inputs and outputs are not the component's
    │   └── EngineRunError          the backend failed on valid inputs
    ├── MediaError                  a sound or film file can't be read or written
    ├── PortraitError               a picture can't become a portrait
    │   └── PortraitNotFoundError   404
    ├── SessionError
    │   ├── AtCapacityError         503
    │   ├── SessionNotFoundError    404
    │   └── NegotiationError        400
    └── IngestError                 422, sound that can't be used

Every message names the value that was met and what was expected instead.
"""


class FloatAvatarError(Exception):
    """Base of every error that a caller of this project may want to catch."""


class ConfigError(FloatAvatarError):
    """A setting has no meaning, or two settings contradict each other."""


class BundleError(FloatAvatarError):
    """A bundle, checkpoint or component is missing, damaged or does not fit the model."""


class EngineError(FloatAvatarError):
    """An inference backend could not be found, built, matched or run."""


class EngineNotFoundError(EngineError):
    """No backend of that name, or its library is not installed."""


class EngineBuildError(EngineError):
    """The backend refused to compile the artifact."""


class SignatureMismatchError(EngineError):
    """Names, shapes or types of inputs and outputs are not those expected."""


class EngineRunError(EngineError):
    """The backend failed while running."""


class MediaError(FloatAvatarError):
    """A sound or film file can't be read or written."""


class PortraitError(FloatAvatarError):
    """A picture can't become a portrait."""


class PortraitNotFoundError(PortraitError):
    """No portrait has that name."""


class SessionError(FloatAvatarError):
    """A session could not be made, found or negotiated."""


class AtCapacityError(SessionError):
    """The server has no free place for another session."""

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SessionNotFoundError(SessionError):
    """No session has that id."""


class NegotiationError(SessionError):
    """An offer is not SDP, or asks for what this server does not do."""


class IngestError(FloatAvatarError):
    """Sound arrived in a form that can't be used."""
