"""A file that is attached to a PDF."""

from dataclasses import dataclass

from closebook.statements.pdf.object_writer import (
    ObjectWriter,
    reference,
    serialize,
    text_string,
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached to a PDF and has the same content for programs.

    PDF/A-3 calls it an associated file.
    """

    name: str
    media_type: str
    description: str
    content: bytes

    def write(self, writer: ObjectWriter, pdf_date: bytes) -> int:
        """Write the attached file and its file specification; return the number of the latter."""
        head = {
            "Type": "/EmbeddedFile",
            "Subtype": "/" + self.media_type.replace("/", "#2f"),
            "Params": {"Size": len(self.content), "ModDate": pdf_date, "CreationDate": pdf_date},
        }
        stream = writer.add_stream(self.content, serialize(head)[2:-2])
        return writer.add(
            serialize(
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
