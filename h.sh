join () 
{ 
    /tmp/nu3/pv/bin/python -c "
from PIL import Image
import sys
ims=[Image.open(f'/tmp/nu3/{s}.png') for s in sys.argv[2:]]
W=max(i.width for i in ims)
o=Image.new('RGB',(W,sum(i.height for i in ims)));y=0
for i in ims:o.paste(i,(0,y));y+=i.height
o.save('/tmp/nu3/'+sys.argv[1]+'.png')" "$@"
}
