"""Would a text (JSON, YAML, XML, a template) make its reader load code?"""
