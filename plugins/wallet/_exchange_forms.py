"""First lines of the CSV files that exchanges and wallet programs give to their users.

Which columns stand in which file is a fact that makers change without notice; each form names the
columns that tell it from all others, not all that a version has. Column names are those that
public parsers of tax programs accept (BittyTax), and for Electrum those of its own tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of file. `columns` stand in its header; the others name the column, if there is one.

    `utc`: its times are UTC by the name of the column, or by what the maker documents.
    """

    maker: str
    report: str
    columns: tuple[str, ...]
    time: str | None = None
    utc: bool = False
    account: str | None = None  # customer number
    coins: tuple[str, ...] = ()
    coin: str | None = None  # of all records, where no column tells it
    address: str | None = None
    role: str = "mentioned"  # of the address: own, payee
    txid: str | None = None
    xpub: str | None = None
    wallet: bool = False  # a program on this machine, not a service


def _form(maker: str, report: str, columns: str, **more: object) -> Form:
    return Form(maker=maker, report=report, columns=tuple(columns.split("|")), **more)  # type: ignore[arg-type]


_UTC: Final = {"time": "Date(UTC)", "utc": True}
_KUCOIN: Final = {"account": "UID"}
_BITTREX: Final = {"coins": ("Currency",), "txid": "TxId"}

FORMS: Final = (
    _form(
        "Binance",
        "trades",
        "Date(UTC)|Market|Type|Price|Amount|Total|Fee|Fee Coin",
        coins=("Fee Coin",),
        **_UTC,
    ),
    _form("Binance", "trades", "Date(UTC)|Pair|Side|Price|Executed|Amount|Fee", **_UTC),
    _form(
        "Binance",
        "conversions",
        "Date|Pair|Type|Sell|Buy|Price|Inverse Price|Date Updated|Status",
        time="Date",
    ),
    _form(
        "Binance",
        "deposits and withdrawals",
        "Date(UTC)|Coin|Amount|TransactionFee|Address|TXID|SourceAddress|PaymentID|Status",
        coins=("Coin",),
        address="Address",
        txid="TXID",
        **_UTC,
    ),
    _form(
        "Binance",
        "deposits",
        "Date(UTC+0)|Coin|Network|Amount|Address|TXID|Status",
        time="Date(UTC+0)",
        utc=True,
        coins=("Coin",),
        address="Address",
        txid="TXID",
    ),
    _form(
        "Binance",
        "withdrawals",
        "Date(UTC+0)|Coin|Network|Amount|Fee|Address|TXID|Status",
        time="Date(UTC+0)",
        utc=True,
        coins=("Coin",),
        address="Address",
        role="payee",
        txid="TXID",
    ),
    _form(
        "Binance",
        "statement",
        "UTC_Time|Account|Operation|Coin|Change|Remark",
        time="UTC_Time",
        utc=True,
        account="User_ID",
        coins=("Coin",),
    ),
    _form(
        "Coinbase",
        "transactions",
        "Timestamp|Transaction Type|Asset|Quantity Transacted|Notes",
        time="Timestamp",
        coins=("Asset",),
    ),
    _form(
        "Coinbase",
        "account transactions",
        "Timestamp|Balance|Amount|Currency|To|Notes|Instantly Exchanged|Transfer Total",
        time="Timestamp",
        coins=("Currency",),
        address="To",
        role="payee",
    ),
    _form(
        "Coinbase",
        "transfers",
        "Timestamp|Type|Subtotal|Fees|Total|Currency|Price Per Coin|Payment Method",
        time="Timestamp",
    ),
    _form(
        "Coinbase Pro",
        "account",
        "type|time|amount|balance|amount/balance unit|transfer id|trade id|order id",
        time="time",
        coins=("amount/balance unit",),
    ),
    _form(
        "Coinbase Pro",
        "fills",
        "trade id|product|side|created at|size|size unit|price|fee|total|price/fee/total unit",
        time="created at",
        coins=("size unit",),
    ),
    _form(
        "Kraken",
        "ledger",
        "txid|refid|time|type|subtype|aclass|asset|amount|fee|balance",
        time="time",
        coins=("asset",),
    ),
    _form(
        "Kraken",
        "trades",
        "txid|ordertxid|pair|time|type|ordertype|price|cost|fee|vol|margin|misc|ledgers",
        time="time",
    ),
    _form(
        "Bitstamp",
        "transactions",
        "Type|Datetime|Account|Amount|Value|Rate|Fee|Sub Type",
        time="Datetime",
        coins=(),
    ),
    _form(
        "Bitstamp",
        "transactions",
        "ID|Account|Type|Subtype|Datetime|Amount|Amount currency|Value|Value currency|Rate",
        time="Datetime",
        coins=("Amount currency",),
    ),
    _form("Bitfinex", "trades", "PAIR|AMOUNT|PRICE|FEE|FEE PERC|FEE CURRENCY|DATE", time="DATE"),
    _form(
        "Bitfinex",
        "deposits and withdrawals",
        "DATE|CURRENCY|STATUS|AMOUNT|FEES|DESCRIPTION|TRANSACTION ID",
        time="DATE",
        coins=("CURRENCY",),
        address="DESCRIPTION",
        txid="TRANSACTION ID",
    ),
    _form(
        "Bitfinex",
        "ledger",
        "DESCRIPTION|CURRENCY|AMOUNT|BALANCE|DATE|WALLET",
        time="DATE",
        coins=("CURRENCY",),
    ),
    _form(
        "Crypto.com",
        "transactions",
        "Timestamp (UTC)|Transaction Description|Currency|Amount|To Currency|Native Currency",
        time="Timestamp (UTC)",
        utc=True,
        coins=("Currency", "To Currency"),
        txid="Transaction Hash",
    ),
    _form(
        "KuCoin",
        "trades",
        "tradeCreatedAt|orderId|symbol|side|price|size|funds|fee|liquidity|feeCurrency|orderType",
        time="tradeCreatedAt",
    ),
    _form("KuCoin", "trades", "oid|symbol|dealPrice|dealValue|amount|fee|direction|createdDate"),
    _form(
        "KuCoin",
        "trades",
        "UID|Account Type|Order ID|Symbol|Side|Order Type|Avg. Filled Price|Filled Amount",
        **_KUCOIN,
    ),
    _form(
        "KuCoin",
        "deposits",
        "UID|Account Type|Coin|Amount|Fee|Hash|Deposit Address|Transfer Network|Status",
        coins=("Coin",),
        address="Deposit Address",
        role="own",
        txid="Hash",
        **_KUCOIN,
    ),
    _form(
        "KuCoin",
        "withdrawals",
        "UID|Account Type|Coin|Amount|Fee|Withdrawal Address/Account|Transfer Network|Status",
        coins=("Coin",),
        address="Withdrawal Address/Account",
        role="payee",
        txid="Hash",
        **_KUCOIN,
    ),
    _form(
        "KuCoin",
        "account history",
        "UID|Account Type|Currency|Side|Amount|Fee|Remark",
        coins=("Currency",),
        **_KUCOIN,
    ),
    _form(
        "Gemini",
        "transactions",
        "Date|Time (UTC)|Type|Symbol|Specification|Liquidity Indicator|Trading Fee Rate (bps)",
        time="Date",
        txid="Tx Hash",
        address="Withdrawal Destination",
        role="payee",
    ),
    _form(
        "Bittrex", "orders", "Uuid|Exchange|TimeStamp|OrderType|Limit|Quantity", time="TimeStamp"
    ),
    _form(
        "Bittrex",
        "deposits",
        "Currency|Amount|Confirmations|TxId|CryptoAddress",
        address="CryptoAddress",
        role="own",
        **_BITTREX,
    ),
    _form(
        "Bittrex",
        "withdrawals",
        "PaymentUuid|Currency|Amount|Address|Authorized|TxId|Canceled",
        address="Address",
        role="payee",
        **_BITTREX,
    ),
    _form(
        "Bitpanda",
        "transactions",
        "ID|Type|In/Out|Amount Fiat|Fee|Fiat|Amount Asset|Asset|Status|Created at",
        time="Created at",
        coins=("Asset",),
    ),
    _form(
        "Nexo",
        "transactions",
        "Transaction|Type|Input Currency|Input Amount|Output Currency|Output Amount|Details",
        coins=("Input Currency", "Output Currency"),
    ),
    _form(
        "Robinhood",
        "crypto transfers",
        "created_at|currency_code|transfer_type|network|to_address|blockchain_txn_id|blockchain_txn_state",
        time="created_at",
        coins=("currency_code",),
        address="to_address",
        role="payee",
        txid="blockchain_txn_id",
    ),
    _form(
        "ledger-live",
        "operations",
        "Operation Date|Currency Ticker|Operation Type|Operation Hash|Account Name|Account xpub",
        time="Operation Date",
        coins=("Currency Ticker",),
        txid="Operation Hash",
        xpub="Account xpub",
        wallet=True,
    ),
    _form(
        "trezor-suite",
        "transactions",
        "Timestamp|Date|Time|Type|Transaction ID",
        time="Timestamp",
        txid="Transaction ID",
        address="Address",
        wallet=True,
    ),
    _form(
        "exodus",
        "transactions",
        "DATE|TYPE|FROMPORTFOLIO|TOPORTFOLIO",
        time="DATE",
        wallet=True,
    ),
    _form(
        "electrum",
        "history",
        "transaction_hash|label|confirmations|value",
        time="timestamp",
        txid="transaction_hash",
        coin="BTC",
        wallet=True,
    ),
    _form(
        "electrum",
        "history",
        "oc_transaction_hash|ln_payment_hash|label|confirmations",
        time="timestamp",
        txid="oc_transaction_hash",
        coin="BTC",
        wallet=True,
    ),
)
"""Where more than one fits a header, the one with the most columns counts."""

BEGINNINGS: Final = (
    b"Date(UTC),Market,Type,Price,",
    b"Date(UTC),Pair,Side,Price,",
    b"Date(UTC),Coin,",
    b"Date(UTC+0),Coin,",
    b"User_ID,UTC_Time,Account,",
    b"UTC_Time,Account,Operation,",
    b"ID,Timestamp,Transaction Type,Asset,",
    b"Timestamp,Transaction Type,Asset,",
    b"Timestamp,Balance,Amount,Currency,To,",
    b"portfolio,type,time,amount,balance,",
    b"txid,refid,time,type,",
    b'"txid","refid","time","type",',
    b"txid,ordertxid,pair,time,",
    b'"txid","ordertxid","pair","time",',
    b"Type,Datetime,Account,Amount,Value,",
    b"ID,Account,Type,Subtype,Datetime,",
    b"#,PAIR,AMOUNT,PRICE,",
    b"#,DATE,CURRENCY,STATUS,",
    b"#,DESCRIPTION,CURRENCY,AMOUNT,",
    b"Timestamp (UTC),Transaction Description,",
    b"tradeCreatedAt,orderId,symbol,",
    b"UID,Account Type,",
    b"Date,Time (UTC),Type,Symbol,",
    b"Operation Date,Status,Currency Ticker,",
    b"Operation Date,Currency Ticker,",
    b"DATE,TYPE,FROMPORTFOLIO,",
    b"transaction_hash,label,confirmations,",
    b"oc_transaction_hash,ln_payment_hash,",
)
"""First bytes of those files whose header is the first line, under whatever name."""


def recognise(header: list[str]) -> Form | None:
    """Return the form that a line is the header of."""
    cells = {cell.strip().strip("\ufeff").strip('"') for cell in header}
    fitting = [form for form in FORMS if cells.issuperset(form.columns)]
    return max(fitting, key=lambda form: len(form.columns), default=None)
