"""The demo: mem0tray itself in a scratch home, with a server that fails on demand.

`story` says what happens, as data; `stage` has the scratch home, the real worker and the server;
`director` plays the story on the stage, and tells whoever shows it. The faults are in `server`, and
nowhere else in the program.
"""
