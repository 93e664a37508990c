"""How deeply students mimic their teachers: `kdray metamorphic`, from paths of models to MetaCompress's table."""
