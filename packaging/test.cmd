@rem Windows: like packaging/test, with the Python launcher (py) of python.org.
@py -3 -Es "%~dp0run_tests.py" %*
