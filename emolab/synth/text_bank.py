"""The sentences of the embedded corpus, by domain, emotion of the words and fold (no code, no other knowledge).

Domain "a" is home, street, school and office; domain "b" is the sea and the farm. Every sentence has four to nine words
out of a vocabulary of about four hundred. Held-out sentences are arrangements of their own,
not variants of training ones.
"""

from __future__ import annotations

NEUTRAL: dict[tuple[str, str], str] = {
    ("a", "train"): """The keys are on the kitchen table.
        The train leaves at half past four.
        She put the letter on the desk.
        They are standing by the door.
        The box is under the chair.
        He walked along the river this morning.
        The shop is open until nine.
        My brother is calling from the office.
        There are seven books on the shelf.
        You can find the number in the list.
        The bag is in the other room.
        It is the second house on the left.
        The children are coming home at noon.
        We have been here since Monday.
        She is talking with her neighbour.
        The bus goes to the market.
        He turned on the light in the hall.
        They moved the meeting to the afternoon.
        My friend is waiting at the station.
        The water in the glass is cold.
        The road goes over the bridge.
        He wrote his name on the form.
        The coat is behind the door.
        We are having rice for dinner.
        The picture was taken in the garden.
        She opened the window a little.
        The man in the blue shirt sat down.
        I will call you later today.
        The class begins in twenty minutes.
        He is reading the morning paper.
        The new teacher comes on Friday.
        Her sister lives near the station.
        We saw them at the library.
        The cup is on the lower shelf.
        He parked the car behind the house.
        The answer is on the next page.
        She is wearing a grey jacket.
        Lunch is from twelve until one.
        I bought bread and milk at the shop.
        The map is in the red bag.
        He works in the building over there.
        We need two more chairs for the hall.
        The lamp is next to the bed.
        My mother has the same phone.
        The bank is across the street.
        They painted the kitchen wall white.
        The number nine bus stops here.
        Please sign the form on this page.
        The plates are in the lower box.
        He closed the gate after lunch.
        The old clock is in the hall.
        She sent a letter to the office.
        The garden has a small tree.
        Take the second street on the right.
        I usually drink tea in the morning.
        The blue car is behind the bus.
        We walked from the park to the bank.
        His desk is near the window.
        The lesson was about rivers and roads.
        You can leave the bag here.
        The doctor comes on Thursday.
        Our train was on platform three.
        My cousin works at the library.
        They will bring the chairs on Saturday.""",
    ("a", "val"): """The phone is behind the lamp.
        She takes the bus every Friday.
        There is a picture over the bed.
        We saw my cousin near the bridge.
        The meeting begins after the lesson.
        I left the milk on the table.
        He has one brother and a sister.
        Your red coat is in the car.
        They read books in the garden.
        Her tea is in the white cup.""",
    ("a", "test"): """The doors of the library are open.
        After dinner he reads a book.
        In the morning the market is open.
        On Monday she works until four.
        Her mother is calling about the car.
        The street behind the park is new.
        My teacher wrote a small book.
        Twelve children sat in the room.
        The water comes from the river.
        His neighbour has a grey car.
        You need the number of the house.
        This letter is for your brother.
        Tea and bread are on the table.
        Later they moved the desk to the window.
        Somebody left a jacket in the hall.
        From here you can see the bridge.
        The children drink milk at lunch.
        Under the lamp there is a list.
        Our class is here every Thursday.
        Two boxes came for the office today.
        The clock in the kitchen is white.
        She usually parks near the bank.
        Half of the plates are blue.
        At noon the bus is at the station.
        A friend of my sister lives in this street.
        The old tree is next to the gate.""",
    ("b", "train"): """The ship leaves the harbour at dawn.
        The captain is reading the map.
        Two horses are standing in the green field.
        The farmer repaired the fence on the hill.
        They carried the wheat to the barn.
        The engine is on the lower deck.
        The sailors eat at six.
        There are nine boats in the harbour.
        She keeps the oil in a jar.
        The wind comes from the south side.
        The island is two hours north.
        He fed the hens this morning.
        The rope is in the wooden box.
        We grow apples on the farm.""",
    ("b", "test"): """The captain has the number of the ship.
        Six hens live in the barn.
        The north side of the island is green.
        A sailor is painting the deck.
        The farmer has a field near the hill.
        They repaired the engine in the harbour.
        Apples from this farm are small.
        Today the wind is from the south.
        Her horse is the grey one.
        He keeps the rope behind the wooden boxes.
        The boat carries wheat and apples.
        In the barn there are two jars.
        The fence goes along the field.
        At six the ship was in the harbour.
        The farmer feeds the horses at noon.
        He has a map of the island.
        Six apples are in the green jar near the gate.
        Two ships are going north.
        You can see the hill from the deck.
        The captain has two green coats.
        Our boat is behind the island.
        The engine needs oil and water.
        Wheat grows on the south side.
        The sailor bought a jar of oil.
        This road goes to the farm.
        She painted the boats at dawn.""",
}

EMOTIONAL: dict[str, dict[tuple[str, str], str]] = {
    "happy": {
        ("a", "train"): """I won the first prize today.
            This is the best day of my life.
            We are getting married in June.
            She said yes, I am so happy.
            What a wonderful birthday party.
            I love this beautiful sunny weather.
            My baby smiled at me today.
            We are finally going on holiday.
            Everyone laughed and danced all night.
            I am so glad that you came.
            Our team won, and we are delighted.
            I am thrilled about the wedding.""",
        ("a", "val"): """The wedding party was wonderful.
            I am delighted with the prize.""",
        ("a", "test"): """Today is wonderful and I love it.
            My team won the prize, I am thrilled.
            The baby laughed, we are so glad.
            Our holiday was sunny and beautiful.
            I am happy, she smiled and said yes.
            You won, and everyone is delighted.""",
        ("b", "train"): """We won the boat race, how wonderful.
            I love our beautiful new horse.
            I am so glad we found the island.""",
        ("b", "test"): """The captain is delighted, we won.
            What a wonderful day on the farm.
            We danced on deck, I am so happy.
            The sailors laughed, they are thrilled.
            I love this sunny harbour.""",
    },
    "sad": {
        ("a", "train"): """My grandmother died last night.
            I miss her every single day.
            He left me and never came back.
            I lost everything that I loved.
            Nobody came to say goodbye.
            I feel so lonely in this house.
            I cried the whole night alone.
            All my hopes are gone now.
            My heart is broken and empty.
            I am so sad that she is gone.
            There were tears at the funeral.
            We buried our old dog today.""",
        ("a", "val"): """I feel sad and empty without her.
            Her dog died and she cried.""",
        ("a", "test"): """Our grandmother is gone and I miss her.
            He died alone, my heart is broken.
            I said goodbye with tears.
            We cried at the funeral of my brother.
            Everything is lost and I feel empty.
            She left, and I am so lonely now.""",
        ("b", "train"): """Our old horse died last night.
            The sailor never came home, I cried.
            I feel so lonely on this ship.""",
        ("b", "test"): """The captain is gone, and I miss him.
            We lost the farm, my heart is broken.
            The boat was lost and I cried.
            All our hens died, I am so sad.
            She said goodbye with tears at the harbour.""",
    },
    "angry": {
        ("a", "train"): """How dare you lie to me again.
            Get out of my house right now.
            I am sick of your stupid excuses.
            You ruined everything, you idiot.
            Stop shouting at my children.
            I hate the way you treat me.
            You stole my money, you liar.
            I am furious with all of you.
            Shut up and leave me alone.
            This makes me so angry.
            It is your fault, you fool.
            I told you a hundred times to stop.""",
        ("a", "val"): """I hate you, you stupid liar.
            Shut up, this is your fault.""",
        ("a", "test"): """You idiot, you ruined my car.
            I am angry that you lie again.
            Stop it now, I am furious.
            How dare you treat her this way.
            Get out, you stole it, you fool.
            I hate your shouting and your excuses.""",
        ("b", "train"): """You stole my horse, you liar.
            How dare you touch my ship.
            I hate this captain, he is a fool.""",
        ("b", "test"): """You idiot, you ruined the engine.
            Leave my farm right now, you idiot.
            I am furious with the sailors.
            This is your fault, you stupid captain.
            I am angry, you stole our wheat.""",
    },
    "fearful": {
        ("a", "train"): """Somebody is following me home.
            Please do not let him hurt me.
            I heard footsteps in the dark.
            We are trapped and cannot get out.
            There is a stranger at the window.
            I am scared that he will find us.
            Help me, I cannot swim.
            The fire is coming closer, run.
            Please hide, they have guns.
            There is a snake in my bed.
            I am terrified of the dark.
            I am so afraid, we are in danger.""",
        ("a", "val"): """I am afraid of the stranger.
            Help us, there is a fire.""",
        ("a", "test"): """Hide, a stranger is following us.
            Run, the danger is coming closer.
            I am terrified, I heard a snake.
            She is trapped and scared, please help.
            We are afraid of footsteps at night.
            Please help, they will hurt him.""",
        ("b", "train"): """The ship is on fire, help us.
            There is a snake in the barn.
            I am terrified of the sea.""",
        ("b", "test"): """Run, a stranger is in the barn.
            I am scared, the wind is coming closer.
            Help, we are trapped on the island.
            Please hide, there is danger on deck.
            I cannot swim and I am afraid.""",
    },
    "disgusted": {
        ("a", "train"): """There is mould all over the bread.
            That smell makes me want to vomit.
            He spat on the floor, how revolting.
            I found a dead rat in the sink.
            This soup tastes like rotten fish.
            The toilet was filthy and full of flies.
            He eats with dirty hands, so gross.
            There was slime in my food.
            The milk is sour and disgusting.
            Take that nasty thing away, yuck.
            Worms were crawling out of the meat.
            His sweaty socks are foul.""",
        ("a", "val"): """Yuck, there is mould in the soup.
            The rat was dirty and gross.""",
        ("a", "test"): """The fish is full of worms, yuck.
            That filthy toilet has a disgusting smell.
            I want to vomit, the meat is rotten.
            There was a nasty slime on the floor.
            Your dirty socks are so revolting.
            The sour soup tastes foul and gross.""",
        ("b", "train"): """The barn is filthy and full of rats.
            There are worms in these apples.
            The deck has the smell of rotten fish.""",
        ("b", "test"): """What foul and disgusting oil.
            A dead rat was in the jar, yuck.
            The hens are dirty, so gross.
            There is slime on the rope, revolting.
            Mould and rotten wheat, so gross.""",
    },
    "surprised": {
        ("a", "train"): """I did not expect to see you here.
            Wow, where did you come from.
            What, you are already back.
            I cannot believe this just happened.
            You did all this without telling me.
            Oh my, that was unexpected.
            Really, she is your twin sister.
            I had no idea you could sing.
            It suddenly appeared out of nowhere.
            Who would have thought of that.
            I am so surprised that you knew.
            Wow, what an amazing surprise.""",
        ("a", "val"): """Wow, I did not expect this.
            What, it happened already.""",
        ("a", "test"): """Wow, you could really sing that.
            Wow, I had no idea she knew.
            I cannot believe you are back, wow.
            Suddenly she appeared, I am surprised.
            Oh, I would not have thought it.
            That is amazing and so unexpected.""",
        ("b", "train"): """Wow, the horse came back already.
            I did not expect an island here.
            What, you are the captain.""",
        ("b", "test"): """The ship suddenly appeared, wow.
            I cannot believe you found the boat.
            Really, I had no idea hens swim.
            Wow, would you have thought of this.
            Oh, apples here, that is unexpected.""",
    },
}
