"""The minor units of ISO 4217: how many decimal places each currency's smallest unit has.

Sources: ISO's list one of 2026-01-01 for the currencies in use. ISO's list three, of those that
were withdrawn, states no minor units: theirs are those of the Java platform, which has kept ISO's
table since 2001. Babel's numbers are not used: for some currencies they are the decimals that
people print, and not those of the smallest unit. tests/test_iso4217.py compares every code with
both sources.
"""

from collections.abc import Mapping

_IN_USE = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR
FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF
YER ZAR ZMW ZWG
"""
# Currencies for which no source states a minor unit are left out.
_WITHDRAWN = """
ADP AFA ANG ATS AYM AZM BEF BGL BGN BYB BYR CSD CUC CYP DEM EEK ESP FIM FRF GHC GRD GWP HRK
IEP ITL LTL LUF LVL MGF MRO MTL MZM NLG PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TPE TRL USS
VEB VEF YUM ZMK ZWD ZWL ZWN ZWR
"""
# The currencies above have two decimal places, except those below.
_NO_PLACES = """
ADP BEF BIF BYB BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF MGF PTE PYG ROL RWF TPE TRL
UGX UYI VND VUV XAF XOF XPF
"""
_THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_PLACES = "CLF UYW"

MINOR_UNITS: Mapping[str, int] = {
    **dict.fromkeys((_IN_USE + _WITHDRAWN).split(), 2),
    **dict.fromkeys(_NO_PLACES.split(), 0),  # guard: money.exponents-of-iso-4217
    **dict.fromkeys(_THREE_PLACES.split(), 3),
    **dict.fromkeys(_FOUR_PLACES.split(), 4),
}
"""The decimal places of each currency that has a minor unit."""
