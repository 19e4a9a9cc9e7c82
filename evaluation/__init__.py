"""How good the avatar is, measured where the truth is known: on people, voices and sentences never trained on."""
