# RoboEgo's server with the packaged nano, on a CPU.
#   docker build -t roboego . && docker run --rm -p 8998:8998 -v roboego:/var/lib/roboego roboego
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /usr/local/lib/roboego \
    && /usr/local/lib/roboego/bin/pip install --no-cache-dir -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu "torch==2.13.0" \
    && /usr/local/lib/roboego/bin/pip install --no-cache-dir -c constraints.txt ".[serve,webrtc]"

FROM python:3.12-slim-bookworm
RUN useradd --system --create-home --home-dir /var/lib/roboego roboego
COPY --from=build /usr/local/lib/roboego /usr/local/lib/roboego
ENV PATH=/usr/local/lib/roboego/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=/var/lib/roboego/numba
USER roboego
VOLUME /var/lib/roboego
EXPOSE 8998
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8998/readyz', timeout=2)"]
# The port is published by docker alone: give it a token file and TLS, or a proxy that has them, before others can reach it.
ENTRYPOINT ["roboego", "serve", "--host", "0.0.0.0", "--log", "json"]
CMD ["--slots", "4"]
