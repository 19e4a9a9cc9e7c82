"""The returned voice: one packet for 20 ms, at its time, with its level; and sound like the one that went in."""

import time
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import compute_audio_level_dbov

from contract.packets import FRAMES_PER_S, Int16Array
from pipeline.speech_like import speech_like
from server.media_tracks import PACKET_SAMPLES, VoiceTrack
from server.voice_coder import VoiceCoder, VoiceOpusEncoder, level_dbov
from tests.figures import Note

OPUS_DELAY_SAMPLES = 312
OPUS = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48000, channels=2)


def vowel(num_samples: int) -> Int16Array:
    """A voice of 130 Hz with its overtones, louder and softer."""
    at_s = np.arange(num_samples) / 48000
    tone = sum(np.sin(2 * np.pi * 130 * n * at_s + n) / n for n in range(1, 25))
    return (4000 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at_s))).astype(np.int16)


def frame(samples: Int16Array, pts: int) -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None, :], format="s16", layout="mono")
    made.sample_rate, made.pts, made.time_base = 48000, pts, Fraction(1, 48000)
    return made


def coded(encoder: OpusEncoder, voice: Int16Array) -> tuple[float, float, float]:
    """(signal to noise in dB, bytes, processor's ms) a packet of a voice that is coded and decoded again."""
    decoder, heard, sizes, taken_s = OpusDecoder(), [], [], 0.0
    for pts in range(0, len(voice), PACKET_SAMPLES):
        given = frame(voice[pts : pts + PACKET_SAMPLES], pts)
        began_s = time.thread_time()
        payloads, timestamp = encoder.encode(given)
        taken_s += time.thread_time() - began_s
        assert len(payloads) == 1 and timestamp == pts
        sizes.append(len(payloads[0]))
        (decoded,) = decoder.decode(JitterFrame(payloads[0], timestamp))
        assert isinstance(decoded, av.AudioFrame)
        heard.append(decoded.to_ndarray().reshape(-1, 2)[:, 0])
    signal, back = voice[:-OPUS_DELAY_SAMPLES].astype(float), np.concatenate(heard)[OPUS_DELAY_SAMPLES:].astype(float)
    noise = (back - signal)[4800:]
    ratio_db = 10 * np.log10(np.mean(signal[4800:] ** 2) / np.mean(noise**2))
    return float(ratio_db), float(np.mean(sizes)), 1000 * taken_s / len(sizes)


def test_each_frame_is_one_packet_at_its_time_and_sounds_as_it_did(note_figures: Note) -> None:
    voice = np.concatenate([chunk.voice for chunk in islice(speech_like(), 5 * FRAMES_PER_S)])
    ours, theirs = coded(VoiceOpusEncoder(), voice), coded(OpusEncoder(), voice)
    names = ("signal to noise dB", "bytes a packet", "CPU ms a packet")
    note_figures({f"{name}, ours": round(value, 3) for name, value in zip(names, ours, strict=True)})
    note_figures({f"{name}, aiortc's": round(value, 3) for name, value in zip(names, theirs, strict=True)})
    assert ours[0] > 20 and ours[0] > theirs[0]
    assert ours[1] < 400


def test_a_gap_in_time_stays_one() -> None:
    encoder = VoiceOpusEncoder()
    silence = np.zeros(PACKET_SAMPLES, np.int16)
    assert [encoder.encode(frame(silence, pts))[1] for pts in (0, 960, 4800, 5760)] == [0, 960, 4800, 5760]


@pytest.mark.parametrize("loudness", [0, 1, 40, 3000, 32767])
def test_the_level_is_the_one_that_aiortc_tells(loudness: int) -> None:
    samples = (loudness * np.sign(np.sin(np.arange(PACKET_SAMPLES) / 9))).astype(np.int16)
    assert level_dbov(samples) == compute_audio_level_dbov(frame(samples, 0))


@pytest.mark.parametrize("mime_type", ["audio/opus", "audio/PCMU"])
async def test_what_a_track_gives_is_sent_with_its_level(mime_type: str) -> None:
    connection = RTCPeerConnection()
    sender, track = connection.addTransceiver("audio").sender, VoiceTrack()
    sender.replaceTrack(track)
    coder = VoiceCoder(sender)
    codec = RTCRtpCodecParameters(mimeType=mime_type, clockRate=48000 if mime_type == "audio/opus" else 8000)
    voice = vowel(5 * PACKET_SAMPLES)
    found = []
    for pts in range(0, len(voice), PACKET_SAMPLES):
        track.put(voice[pts : pts + PACKET_SAMPLES], pts)
        found.append(await coder.next_encoded_frame(codec))
    sent = [each for each in found if each is not None]
    assert len(sent) >= 4 and all(each.payloads for each in sent)
    assert all(-40 < each.audio_level < -5 for each in sent)
    await connection.close()
