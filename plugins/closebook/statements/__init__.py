"""Account statements: their data, their documents, the archive of documents, and the release.

``model`` has the data of a statement. ``issue`` makes the documents of a month: ``render`` makes a
PDF from a statement, with ``formats`` (its XML and CSV attachments), ``pdf`` (PDF syntax) and
``weasyprint_adapter`` (page layout); ``signing`` signs it; ``archive`` registers it and puts it
into the ``document_store``. ``manifest`` lists a month's documents, ``release`` lets finance
release them, and ``verify`` checks a document that somebody received.
"""
