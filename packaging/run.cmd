@rem Windows: like packaging/run, with the Python launcher (py) of python.org.
@py -3 -Es "%~dp0run.py" %*
