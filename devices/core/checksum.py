"""The checksum of what goes over a serial line."""

import binascii


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740, also called CCITT-FALSE: polynomial 0x1021, from 0xFFFF, nothing reflected or inverted.

    Of "123456789" it is 0x29B1.
    """
    return binascii.crc_hqx(data, 0xFFFF)
