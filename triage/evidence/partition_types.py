"""What the type of a partition promises, in the words of the tables that define it.

Sources: UEFI specification 5.3; the Discoverable Partitions Specification; util-linux
`include/pt-mbr-partnames.h` and `pt-gpt-partnames.h`; Apple TN2166.
"""

from __future__ import annotations

LINUX_RESERVED = "8DA63339-0007-60C0-C436-083AC8230908"
STORAGE_SPACES = "E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D"

MBR_TYPES = {
    0x01: "FAT12",
    0x04: "FAT16 below 32 MB",
    0x05: "Extended",
    0x06: "FAT16",
    0x07: "NTFS, exFAT or HPFS",
    0x0B: "FAT32",
    0x0C: "FAT32 (LBA)",
    0x0E: "FAT16 (LBA)",
    0x0F: "Extended (LBA)",
    0x11: "Hidden FAT12",
    0x12: "Compaq diagnostics",
    0x14: "Hidden FAT16 below 32 MB",
    0x16: "Hidden FAT16",
    0x17: "Hidden NTFS or HPFS",
    0x1B: "Hidden FAT32",
    0x1C: "Hidden FAT32 (LBA)",
    0x1E: "Hidden FAT16 (LBA)",
    0x27: "Windows recovery (hidden NTFS)",
    0x42: "Windows dynamic disk (LDM)",
    0x82: "Linux swap or Solaris",
    0x83: "Linux",
    0x84: "Hibernation",
    0x85: "Linux extended",
    0x86: "NTFS volume set",
    0x87: "NTFS volume set",
    0x88: "Linux plaintext",
    0x8E: "Linux LVM",
    0xA5: "FreeBSD",
    0xA6: "OpenBSD",
    0xA8: "macOS UFS",
    0xA9: "NetBSD",
    0xAB: "macOS boot",
    0xAF: "macOS HFS+",
    0xBE: "Solaris boot",
    0xBF: "Solaris",
    0xDA: "Data without a file system",
    0xE8: "Linux LUKS",
    0xEA: "Linux extended boot",
    0xEE: "GPT protective",
    0xEF: "EFI system",
    0xFB: "VMware VMFS",
    0xFC: "VMware swap",
    0xFD: "Linux RAID",
}
EXTENDED = frozenset({0x05, 0x0F, 0x85})
BSD_SLICES = frozenset({0xA5, 0xA6, 0xA9})

GPT_TYPES = {
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B": "EFI system",
    "21686148-6449-6E6F-744E-656564454649": "BIOS boot",
    "024DEE41-33E7-11D3-9D69-0008C781F39F": "MBR partition scheme",
    "E3C9E316-0B5C-4DB8-817D-F92DF00215AE": "Microsoft reserved",
    "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7": "Microsoft basic data",
    "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3": "Windows dynamic disk (LDM) metadata",
    "AF9B60A0-1431-4F62-BC68-3311714A69AD": "Windows dynamic disk (LDM) data",
    "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC": "Windows recovery",
    STORAGE_SPACES: "Windows Storage Spaces",
    "0FC63DAF-8483-4772-8E79-3D69D8477DE4": "Linux file system",
    "A19D880F-05FC-4D3B-A006-743F0F84911E": "Linux RAID",
    "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F": "Linux swap",
    "E6D6D379-F507-44C2-A23C-238F2A3DF928": "Linux LVM",
    "CA7D7CCB-63ED-4C53-861C-1742536059CC": "Linux LUKS",
    "7FFEC5C9-2D00-49B7-8941-3EA10A5586B7": "Linux plain dm-crypt",
    "933AC7E1-2EB4-4F13-B844-0E14E2AEF915": "Linux home",
    "3B8F8425-20E0-4F3B-907F-1A25A76F98E8": "Linux server data",
    "BC13C2FF-59E6-4262-A352-B275FD6F7172": "Linux extended boot",
    "44479540-F297-41B2-9AF7-D131D5F0458A": "Linux root (x86)",
    "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709": "Linux root (x86-64)",
    "B921B045-1DF0-41C3-AF44-4C6F280D3FAE": "Linux root (ARM64)",
    LINUX_RESERVED: "Linux reserved (Tails persistent storage uses it)",
    "516E7CB4-6ECF-11D6-8FF8-00022D09712B": "FreeBSD data",
    "83BD6B9D-7F41-11DC-BE0B-001560B84F0F": "FreeBSD boot",
    "516E7CB5-6ECF-11D6-8FF8-00022D09712B": "FreeBSD swap",
    "516E7CB6-6ECF-11D6-8FF8-00022D09712B": "FreeBSD UFS",
    "516E7CBA-6ECF-11D6-8FF8-00022D09712B": "FreeBSD ZFS",
    "824CC7A0-36A8-11E3-890A-952519AD3F61": "OpenBSD data",
    "48465300-0000-11AA-AA11-00306543ECAC": "Apple HFS+",
    "7C3457EF-0000-11AA-AA11-00306543ECAC": "Apple APFS",
    "53746F72-6167-11AA-AA11-00306543ECAC": "Apple CoreStorage",
    "426F6F74-0000-11AA-AA11-00306543ECAC": "Apple boot",
    "52414944-0000-11AA-AA11-00306543ECAC": "Apple RAID",
    "69646961-6700-11AA-AA11-00306543ECAC": "Apple APFS iBoot",
    "52637672-7900-11AA-AA11-00306543ECAC": "Apple APFS recovery",
    "6A898CC3-1DD2-11B2-99A6-080020736631": "Solaris usr or ZFS",
    "FE3A2A5D-4F32-41A7-B725-ACCC3285A309": "ChromeOS kernel",
    "3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC": "ChromeOS root",
}
BOOKKEEPING = frozenset(
    {
        "21686148-6449-6E6F-744E-656564454649",
        "E3C9E316-0B5C-4DB8-817D-F92DF00215AE",
        "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3",
        "Apple_partition_map",
        "Apple_Patches",
    }
)
"""Types that by definition hold no files of a user: boot code, reserved space, tables."""

BSD_TYPES = {
    0: "unused",
    1: "swap",
    7: "4.2BSD (UFS)",
    8: "MS-DOS",
    9: "4.4LFS",
    12: "ISO 9660",
    17: "Linux ext2",
    18: "NTFS",
    27: "ZFS",
}
