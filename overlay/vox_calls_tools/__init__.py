"""What is built on the client: the command line, exports, statistics, the sandbox, the comparison with the server.

They use the client's public names and `vox_calls_raw`; the client never imports them. Some parts need an extra:
`pip install 'vox-calls[cli,sandbox]'`.
"""
