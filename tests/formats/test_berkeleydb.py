"""Berkeley DB: real files of both byte orders, marked and lost records, hostile pages."""

from __future__ import annotations

import base64
import contextlib
import struct
import zlib
from dataclasses import dataclass

import pytest

from triage.errors import LimitError, ParseError
from triage.formats import berkeleydb
from triage.formats.berkeleydb import Database, Record
from triage.training.writers import berkeleydb as bdb

# Written by db5.3_load (Berkeley DB 5.3.28), page size 512: key001 to key024 in a database `main`,
# values of 68 to 1448 bytes, so that most lie in chains.
REAL = {
    "<": (
        "c-rk-J4{qj5S`f%3&{VEEb{;V_U(sHV<;?5w9`TpF_8E{LxCo4C@`_Gpwq&_g2EUJ3MxZEX+ddWVL?GG3<ZhAP*54~"
        "<;~l7_o@UTVY54PlO1Nx!fxI>=gi&5&I15IaMxWY3?(`Vs7Hy5r67B?tH<r<9RR-oUj2A+<65QvT)_Ap1X=mA(Bdlq"
        "`-tH~+{Zt86#nyjg^rjB=%0^f?my1(ANYs=1E=IaD5pBF{2$En{|*L%2e^Z)_!?j05-#8@-o&dojY;gsC{|$z4`B~>"
        ";0tWQCal9dcmpf242y6NZe?C62u&)ks248+d^q<k=A;O3Q1QBfCkd}pvChB~gx9F}HQ?iM!mCt#Yv2yy6)N5_@EGA`"
        "Dt7yLY>Mzw6?f6cCkfX!STpbm!i!a0Fz|80BPu2h+&kVP6%WD3z2gn5xM|?t@rG1fHgJ8sR{)>R%s-in#hmm>m->5X"
        "AvRnB(npM6wD=EY)#{xi^j7h7j+XfHJpCWesyBW96X`r$!s-9=UzAlJ`ur!;%ob1nBU!cD!94y`X;}rX9nF7nR=wc!"
        "KQ62mx^~dN+@pHU=YK+&DRk{<{!1ypa8!Ty`Ja@tTj<I`;=MGZ2X%oQkx$W_KL3?bUT*t;N<6~B|K)}T5H272U#_C~"
        "_`ibkO3VLFOgzHD|CNRY5YlJ%zx0m$@_!ZO)wcf~@dyY1R~s5Y_?T1wOYb;;|JP7nYx_Sg9^v5sT0;W}Kl9fA(mPJ)"
        "|2oR+ZT~04BOLr+Z)gBv6gm2zYwytfH&EVa`#&k%a`1nnp#g*k;(tcHL-XH6d9&?*ng3wn|7Jr22=B%JjCzOW-<t>4"
        "v%*nW1PmYG+NtKhPqJkG`@H7A|0WslH64Th7DEGdP=%WRUEIdc_z5?TRYIX%4F^GU@FAQz_i>Lat)Y1X_qZBSF=pVN"
        "HV0Ka2>H0D%{~=34BXRZw~9+X?s(elP;uJ8J#AjnbNdGFX)~(gmf@lCWADXq`HxcGYVZFt|HoqgZ#6W4@J;rAMxPxt"
        "|CcClv;8mgpDg^}MjB|(@Gs|v6aVd`0k@t!!}mY(eQG}b|F?tkPP_lh{5K2#cajFWr2n(zzl${B){8m%{$F}=uKIsB"
        "<vn))m-&Ad{_i0T^h*C{$$u|tz^&KwaQ;jB_*wdYALad4|BuW4A1wUePZ}7I{?C&C0n&h5?=hSImHt0S`H<cJ<^CTQ"
        "{vRR@3`_rK$^S5Ez^(g*e@1(U=6{6pQM>=k{a-BnKS~-Hlm5?=|1r{lTh9vrjP?%Ae~fa+?*DTC9}E9Gq=C5ff0q2m"
        "Nds=ZD*Q9rJ2d|Z%9D2gm-|0i_&-S+NJ;-^$$yG8;MUv1Ka;)VH-ho43;"
    ),
    ">": (
        "c-rk-Jxml)5T4olLq$M6e?bLB#Xr0~_5d4WVQHbAg@qbT{0{}1c(K6Fg3`i73kzc`D6EVHrG=%1g@pyNFccKVP*54?"
        "?aq7qo>8KhcsXXK7~X!6HM`%>?z*!8X<^z+@g?eO0HU;WH6X11Cl3YyzSC;7v~adN_+4cG#_dz99SQ@!BK(RaT*9xO"
        "HkAL>QANyXD&nn+*KYg#N5AoZv_k$1da~Qf{{_$gb5Q{oaqbyD!iRVtC-5?!!_#;Y6CA=m?7<=~!2-;|2Y3gw@Cu&8"
        "W0;01n1riv-tDLW+o(^|p38tYuH37|4aT=nKjYyE<5lWa4<BKCBlV9_j@KFQq5jmvW5&CvU-0l6<DJw8bG&w(@wL?F"
        "F~`RlH#V5@@G-_as84wKDB~6CiHF<cEmL2D9Jj|?qCV^4_IQibr###o?<v5$7jNFVQme(yKP@PyG2ClfMnKa>^NyeR"
        "FM3;3P~m^7-fU5+DgU$oOWxM3<A0>thNXnAfd8_$wdD9un!-vf|CM|T6UTp}skQpGWBBjz_@8k6k1DGIw1eP3@gdGQ"
        "{>PLV0opPAujTbR;{S`|e_YS50OerHyVU?f1QorD7Iy#F$?Nrj|BtIjg!q5G(*VK=<9~gM66OCcUU&Qck8A1?A^z`n"
        "8bE0NtN%4S+RpzyyxtJ_KUR+j@&5*=0fg7B^uK0DOZ>l)*P8<W*VQ9J{J+U*0O4D^`d_nS#s07IdUN3a5%q`=|8I60"
        "Kpd9nf5F*d_}{|ot%3g&<yMIQw>k|VURVE%$_~T-HePQJ{IByLQvAQ&X#nws`d?Ibpf?ZP3w<z&C0xWATxI|qem4OA"
        "2bGSR)3v5>2Fl_5cXkh2s9Jm^$LZNL`e^Zbj`tA$)Z%fDcM*QU;<X&_Bz%x@H~*cz`^I^TkLUOr!e=Z#mg60SPgs03"
        "$18*<7H{NuHUeG_=f8RGcGlwF@n$37<$V4dPW}D-_b(;G`;0^Wdz}WV#INCh9zWrGe2Z_EQ^IO{6i&}Q(NKEH=c(>-"
        "MKUVgw7AFBQNn8$_q2J4Xk4_or_BR|zp=Qd%|XKNTg`gf93cFp#XW8ABD`pEPn&)8^PR;#ZBo7$rY+tG`S0WP&fxm5"
        "^M6vV|2v%q5I^hnU(~$=W?7Qf?!f;#|0%`)yIBMM8UK22gz?|c8ZcYqE9YNdrnc$-{|@kaPmupQ|1HJ;dsqW|HUCBO"
        "zn3*&wkBJ{zXov&^M8=n`-1$}`F|<?-^Uu*ulX;M|NX21v-PU|_}38s$NWFQ>mfh?>-znN6#oyg1`cZei{$?xYrt$R"
        "$l_n~KYLf1*5M%k_4^+w{y)qbIHLJ4lK&&D0rUQMNck6a?Z9k?C9UBg|MmMXDgGa34II<_7s>xI)_}?X%gVo~YX@et"
        "jcLU}{_FRDQv4sY2I`vsBKfbg22B1xQ~pI=J20DhPb&%XU%&s9;{Sv-(9rxB$$x`2VDkTy@-O4s@dNiEsww"
    ),
}


@dataclass(frozen=True)
class Memory:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def read(data: bytes) -> tuple[list[Record], list[str]]:
    database = Database(Memory(data))
    records = [record for record in database.records() if record.key != b"main"]
    return records, database.problems


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_of_the_library_gives_all_its_records(order: str) -> None:
    records, problems = read(zlib.decompress(base64.b85decode(REAL[order])))
    assert problems == []
    assert {record.key: record.value for record in records} == {
        f"key{n:03}".encode(): f"value{n:03}".encode() + b"z" * 60 * n for n in range(1, 25)
    }
    assert all(record.live and record.whole for record in records)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_deleted_and_lost_records_are_superseded(order: str, size: int) -> None:
    items = [bdb.Item(key=f"k{n:03}".encode(), value=b"v" * n * 9) for n in range(100)]
    items += [
        bdb.Item(key=b"deleted", value=b"x" * 3, deleted=True),
        bdb.Item(key=b"deleted chain", value=b"x" * 90_000, deleted=True),
        bdb.Item(key=b"lost", value=b"y", lost=True),
    ]
    records, problems = read(bdb.write(items, order=order, page_size=size))
    assert problems == []
    assert [(record.key, record.value) for record in records] == [
        (item.key, item.value) for item in items
    ]
    assert [record.key for record in records if not record.live] == [
        b"deleted",
        b"deleted chain",
        b"lost",
    ]


def in_slack(data: bytes, key: bytes, value: bytes) -> bytes:
    """Put a record where the last leaf keeps nothing: what stays behind when one is deleted."""
    changed = bytearray(data)
    page = max(at for at in range(0, len(data), 4096) if data[at + 25] == 5)
    at = struct.unpack_from("<H", data, page + 22)[0]
    for item in (key, value):
        at = (at - len(item) - 3) & ~3
        struct.pack_into("<HB", changed, page + at, len(item), 1)
        changed[page + at + 3 : page + at + 3 + len(item)] = item
    return bytes(changed)


@pytest.mark.parametrize("length", range(1, 9))
def test_slack_gives_what_stood_there(length: int) -> None:
    data = in_slack(bdb.write([bdb.Item(key=b"a", value=b"1")]), b"former", b"x" * length)
    assert [record.key for record in Database(Memory(data)).records()][1:] == [b"a"]
    pairs = [(record.key, record.value, record.live) for record in Database(Memory(data)).slack()]
    assert pairs == [(b"former", b"x" * length, False)]


@pytest.mark.parametrize("kind", [0, 5, 7])
def test_slack_of_any_bytes_never_surprises(kind: int) -> None:
    data = bytearray(SMALL)
    for at in range(4096, len(data), 4096):
        data[at + 20 : at + 4096] = b"\xff\xff\1\0" * 1019
        data[at + 25] = kind
    assert list(Database(Memory(bytes(data))).slack()) == []
    for at in range(4096, len(data), 4096):
        data[at + 26 : at + 4096] = b"\1\0\1k" * 1017 + b"\0\0"
        data[at + 20 : at + 24] = bytes(4)
    found = list(Database(Memory(bytes(data))).slack())
    assert len(found) < len(data) // 4


SMALL = bdb.write([bdb.Item(key=b"a", value=b"1"), bdb.Item(key=b"b", value=b"2" * 2000)])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"SQLite format 3\0",
        SMALL[:12],
        SMALL[:20] + struct.pack("<I", 100) + SMALL[24:],
        SMALL[:20] + struct.pack("<I", 1 << 31) + SMALL[24:],
        SMALL[:24] + b"\1" + SMALL[25:],
    ],
)
def test_what_is_no_readable_btree_is_refused(head: bytes) -> None:
    with pytest.raises(ParseError):
        read(head.ljust(512, b"\0"))


def test_a_huge_file_is_refused() -> None:
    class Huge(Memory):
        @property
        def size(self) -> int:
            return berkeleydb.LIMIT + 1

    with pytest.raises(LimitError):
        Database(Huge(SMALL))


@pytest.mark.parametrize("length", range(512, len(SMALL), 1777))
def test_a_file_cut_off_gives_what_it_has(length: int) -> None:
    records, problems = read(SMALL[:length])
    assert len(records) <= 2
    assert problems


def test_a_chain_that_is_cut_off_is_not_whole() -> None:
    data = bytearray(SMALL)
    pages = [at for at in range(0, len(data), 4096) if data[at + 25] == 7]
    data[pages[0] + 25] = 0
    records, problems = read(bytes(data))
    assert [(record.key, record.whole) for record in records] == [(b"a", True), (b"b", False)]
    assert problems == ["2000 of 2000 bytes of a large item are missing"]


def test_chains_that_run_in_a_circle_end() -> None:
    items = [bdb.Item(key=f"{n}".encode(), value=b"z" * 30_000) for n in range(50)]
    data = bytearray(bdb.write(items, page_size=512))
    for at in range(0, len(data), 512):
        if data[at + 25] == 7:  # the chain's page names itself as the next, and holds one byte
            data[at + 16 : at + 20] = struct.pack("<I", at // 512)
            data[at + 22 : at + 24] = struct.pack("<H", 1)
    with pytest.raises(LimitError):
        read(bytes(data))


def test_items_out_of_place_are_left_out() -> None:
    data = bytearray(SMALL)
    leaf = max(at for at in range(0, len(data), 4096) if data[at + 25] == 5)
    for offset in (0, 10, 4095, 0xFFFF):
        data[leaf + 26 : leaf + 28] = struct.pack("<H", offset)
        records, problems = read(bytes(data))
        assert [record.key for record in records] == [b"b"]
        assert len(problems) == 1


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_never_surprises(seed: int) -> None:
    data = bytearray(bdb.write([bdb.Item(key=b"k" * n, value=b"v" * n * 40) for n in range(60)]))
    state = seed * 2654435761 + 1
    for _ in range(60):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        data[512 + (state >> 20) % (len(data) - 512)] = state >> 56
    with contextlib.suppress(ParseError, LimitError):
        read(bytes(data))
