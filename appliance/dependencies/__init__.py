"""Read which packages a project asks for, whatever file declares them.

It decides nothing about interpreters and installs nothing. Runs in the appliance's own interpreter.
"""
