"""What a statement's file says of itself: the claims, the title, the dates; and what it holds."""

from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from closebook.statements.pdf.object_writer import ObjectFile, reference, written

CONFORMANCE = "PDF/A-3a, PDF/UA-1"

# PDF/A wants each property described that its own schemas do not know (ISO 19005-3, 6.6.2.3.3):
# http://www.aiim.org/pdfua/ns/id/ is PDF/UA's (ISO 14289-1, clause 5).
_XMP = """\
<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" \
xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<xmp:CreateDate>{day}T00:00:00Z</xmp:CreateDate>
<xmp:ModifyDate>{day}T00:00:00Z</xmp:ModifyDate>
<pdf:Producer>{producer}</pdf:Producer>
</rdf:Description>
<rdf:Description rdf:about="" \
xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" \
xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A file's title, author and language; the day that stands for every date in it."""

    title: str
    author: str
    language: str
    creator: str
    producer: str
    day: date

    @property
    def pdf_date(self) -> bytes:
        """The day as PDF writes dates."""
        return f"(D:{self.day:%Y%m%d}000000Z)".encode()

    def write_info(self, file: ObjectFile) -> int:
        """The information dictionary; each of its entries stands in the XMP as well."""
        info = {
            "Title": text_string(self.title),
            "Author": text_string(self.author),
            "Creator": text_string(self.creator),
            "Producer": text_string(self.producer),
            "CreationDate": self.pdf_date,
            "ModDate": self.pdf_date,
        }
        return file.add(written(info))

    def write_xmp(self, file: ObjectFile) -> int:
        """The XMP packet, which claims PDF/A-3a and PDF/UA-1; plain, for anybody to read."""
        texts = {
            "title": self.title,
            "author": self.author,
            "language": self.language,
            "creator": self.creator,
            "producer": self.producer,
            "day": self.day.isoformat(),
        }
        packet = _XMP.format(**{name: escape(text) for name, text in texts.items()})
        head = b"/Type /Metadata/Subtype /XML"
        return file.add_stream(packet.encode(), head, compress=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within the document that says the same for machines (PDF/A-3, associated file)."""

    name: str
    media_type: str
    description: str
    content: bytes

    def write(self, file: ObjectFile, pdf_date: bytes) -> int:
        """The attached file, and what names it."""
        head = {
            "Type": "/EmbeddedFile",
            "Subtype": "/" + self.media_type.replace("/", "#2f"),
            "Params": {"Size": len(self.content), "ModDate": pdf_date, "CreationDate": pdf_date},
        }
        stream = file.add_stream(self.content, written(head)[2:-2])
        return file.add(
            written(
                {
                    "Type": "/Filespec",
                    "F": text_string(self.name),
                    "UF": text_string(self.name),
                    "EF": {"F": reference(stream), "UF": reference(stream)},
                    "Desc": text_string(self.description),
                    "AFRelationship": "/Data",
                }
            )
        )


def text_string(text: str) -> bytes:
    """Text as a PDF string, in UTF-16 where ASCII does not do."""
    encoded = text.encode("ascii") if text.isascii() else b"\xfe\xff" + text.encode("utf-16-be")
    return b"<" + encoded.hex().encode() + b">"
