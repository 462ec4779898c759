# The course in a container: docker build -t emolab . && docker run --rm -p 8888:8888 emolab
# Grading strangers' notebooks on another system than Linux:
#   docker run --rm -v "$PWD/returned:/returned:ro" emolab emolab course grade /returned --csv
FROM python:3.11-slim-bookworm
RUN useradd --create-home learner && install -d -o learner -g learner /emolab \
    && apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /emolab
COPY --chown=learner . .
# The wheel of torch for CPUs is smaller; on a machine with a card, leave this index out.
RUN pip install --no-cache-dir -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu \
    -e '.[course,voices]' -e data_scripts/corpora -e notebooks
USER learner
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--notebook-dir=notebooks"]
