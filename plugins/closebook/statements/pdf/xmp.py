"""The metadata of a statement's PDF: title, dates, and the standards that it conforms to."""

from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from closebook.statements.pdf.object_writer import ObjectWriter, serialize, text_string

CONFORMANCE = "PDF/A-3a, PDF/UA-1"

# PDF/A requires a description of each property that its own schemas do not have (ISO 19005-3,
# 6.6.2.3.3). The property of PDF/UA (ISO 14289-1, clause 5) is such a property.
_XMP = """\
<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" \
xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" \
xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" \
xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:xmp="http://ns.adobe.com/xap/1.0/" \
xmlns:pdf="http://ns.adobe.com/pdf/1.3/" \
xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" \
xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaid:part>3</pdfaid:part>
<pdfaid:conformance>A</pdfaid:conformance>
<pdfuaid:part>1</pdfuaid:part>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<xmp:CreateDate>{made_at}</xmp:CreateDate>
<xmp:ModifyDate>{made_at}</xmp:ModifyDate>
<pdf:Producer>{producer}</pdf:Producer>
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True)
class DocumentMetadata:
    """A PDF's title, author and language. ``made_at``, in UTC, is every date in the file."""

    title: str
    author: str
    language: str
    creator: str
    producer: str
    made_at: datetime

    @property
    def pdf_date(self) -> bytes:
        """The instant in PDF's date syntax."""
        return f"(D:{self.made_at:%Y%m%d%H%M%SZ})".encode()

    def write_info(self, writer: ObjectWriter) -> int:
        """Write the information dictionary and return its number.

        The XMP has the same entries.
        """
        info = {
            "Title": text_string(self.title),
            "Author": text_string(self.author),
            "Creator": text_string(self.creator),
            "Producer": text_string(self.producer),
            "CreationDate": self.pdf_date,
            "ModDate": self.pdf_date,
        }
        return writer.add(serialize(info))

    def write_xmp(self, writer: ObjectWriter) -> int:
        """Write the XMP packet, which claims PDF/A-3a and PDF/UA-1; return its number.

        It is not compressed, since programs look for it without parsing the PDF.
        """
        texts = {
            "title": self.title,
            "author": self.author,
            "language": self.language,
            "creator": self.creator,
            "producer": self.producer,
            "made_at": f"{self.made_at:%Y-%m-%dT%H:%M:%SZ}",
        }
        packet = _XMP.format(**{name: escape(text) for name, text in texts.items()})
        head = b"/Type /Metadata/Subtype /XML"
        return writer.add_stream(packet.encode(), head, compress=False)
