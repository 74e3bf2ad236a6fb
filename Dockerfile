# The image of all three programs; it starts the agent.
#
#   docker build -t sonde .
#   docker run -d --name sonde-collector --user sonde --network host -v sonde:/var/lib/sonde \
#     --entrypoint sonde-collector sonde
#   docker run -d --name sonde-agent --pid host --network host --cgroupns host --security-opt apparmor=unconfined \
#     --cap-drop ALL --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH --cap-add SYSLOG \
#     --cap-add CHECKPOINT_RESTORE sonde --export 127.0.0.1:7171
#
# The agent looks at every process of the host, hence --pid host; where kernel.perf_event_paranoid is above 2, as on Debian and
# Ubuntu, it wants --cap-add SYS_ADMIN, too. The collector needs no privilege. tests/image/run makes this image without an engine.
FROM debian:12 AS build
WORKDIR /src
# Before the sources, so that a change of code does not install everything again.
COPY deploy/packages.list deploy/install-packages deploy/
RUN deploy/install-packages build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release \
 && cmake --build --preset release --target sonde-agent sonde-collector agentctl \
 && strip --strip-debug build/release/bin/sonde-agent build/release/bin/sonde-symbolizer build/release/bin/sonde-collector \
    build/release/bin/agentctl

FROM debian:12-slim
COPY deploy/packages.list deploy/install-packages /tmp/deploy/
RUN /tmp/deploy/install-packages run && rm -rf /tmp/deploy /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/sonde --create-home --shell /usr/sbin/nologin sonde
COPY --from=build /src/build/release/bin/sonde-agent /src/build/release/bin/sonde-collector /usr/sbin/
COPY --from=build /src/build/release/bin/sonde-symbolizer /usr/libexec/sonde/
COPY --from=build /src/build/release/bin/agentctl /usr/bin/
ENTRYPOINT ["sonde-agent"]
