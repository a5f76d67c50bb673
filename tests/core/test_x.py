import threading, torch, numpy as np, pytest
from itertools import islice
CODES = np.random.default_rng(0).standard_normal((7, 2))
@pytest.mark.parametrize("n",[0,1,2,3])
def test_x(build,n):
    trained=build(models=("ae","vae","gan","aae")); list(islice(trained.run(),5))
    snapshot = trained.snapshot()
    wanted = snapshot.models["aae"].decode(CODES)
    d=[]
    def drag(): d.extend(float(abs(snapshot.models["aae"].decode(CODES)-wanted).max()) for _ in range(20))
    thread = threading.Thread(target=drag)
    thread.start()
    list(islice(trained.run(), 10))
    thread.join()
    print(d); d.clear(); drag(); print("main",d)
