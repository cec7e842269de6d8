"""Tools built on the client: command line, exports, statistics, a sandbox server and API drift checks.

They use the client's public names and `vox_calls_raw`; the client never imports them. Some need an extra:
`pip install 'vox-calls[cli,sandbox]'`.
"""
