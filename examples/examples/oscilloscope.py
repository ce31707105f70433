import sys, threading, time
from hololinked.client import ClientFactory

scope = ClientFactory.zmq(server_id="scope", thing_id="scope", access_point=sys.argv[1])
came = threading.Event()
scope.subscribe_event("waveform", callbacks=lambda event: (print("a waveform:", len(event.data), "bytes"), came.set()))
time.sleep(0.5)  # subscriptions travel in the background
scope.channel = 2
print(scope.trigger(samples=256), "samples of channel", scope.channel, "peak", scope.peak)
sys.exit(not came.wait(10))
